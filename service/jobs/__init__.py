"""Long work, done step by step: `runner` takes up jobs, `kinds` names what can be done, one module for each."""
