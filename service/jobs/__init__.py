"""Long work, done step by step: `runner` takes up jobs of any `kind`; `service.working` names them all."""
