"""The folder that holds artefacts: data only, written by `plaudit-train`, read by `plaudit.artifact`."""
