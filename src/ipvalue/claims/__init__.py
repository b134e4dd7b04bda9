"""Parsing of claim texts: independent and dependent claims, references, categories, lengths."""

from ipvalue.claims.parser import parse

__all__ = ["parse"]
