"""Claim text to numbers: claims, which of them stand alone, and what each depends on."""

from ipvalue.claims.parser import parse

__all__ = ["parse"]
