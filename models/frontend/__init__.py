"""The stages of the feature extractor, one idea a file; models.features puts them together."""
