"""The chaos harness: seasons are struck at random instants, run again, and compared with an undisturbed one."""
