"""From a draft to the archive: how experiments are kept, changed, started and ended."""
