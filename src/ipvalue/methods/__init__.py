"""What a patent is worth: ``base`` holds the contract and the registry; then one file a method."""
