"""The cross-feedback station: groups comment on each other's notebooks without knowing whose."""
