"""What people do with the brake: `limits` sets it and shows what is used, `holding` lists, releases and refuses."""
