"""The release station: from the one source of an exercise to what students receive."""
