"""Commands: one-time orders to a phone, from the click to the phone's own word that it is done."""
