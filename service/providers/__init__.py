"""What other people's tools send, described as data: one folder of the catalogue for each, one reader for all.

`catalogue.load_catalogue` reads the descriptions, `reader.read` turns a delivery into events by one of them.
"""
