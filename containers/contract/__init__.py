"""What every engine and the house agree on; standard library only, Python 3.10 or newer."""
