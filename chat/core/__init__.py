"""Values and rules without I/O: what every other part may stand on."""
