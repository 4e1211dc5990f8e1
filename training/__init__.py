"""From labelled comments to a model artefact."""
