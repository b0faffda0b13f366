"""Published networks that judge images, run in a process of their own by rewards that import no torch."""
