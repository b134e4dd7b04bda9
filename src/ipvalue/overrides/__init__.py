"""Experts' overrides of values: who set which value, why and until when, beside the model's own value."""
