"""Experts' overrides of values: who set what, why and until when; the model's own value is never lost."""
