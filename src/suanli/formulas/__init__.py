"""Pure array functions, SI in, SI out: they know no facts and keep no state."""
