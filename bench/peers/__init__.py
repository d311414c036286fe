"""The peers' set-ups: a folder each, started by `bench/contestants.py`. `bench/peers/install` installs them."""
