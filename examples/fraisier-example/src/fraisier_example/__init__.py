"""An example of a fraisier provider: publishes versions of a static site by switching a link."""
