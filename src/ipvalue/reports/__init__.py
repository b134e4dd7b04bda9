"""The model dossier: one document on an engine, for validators, auditors and credit committees."""
