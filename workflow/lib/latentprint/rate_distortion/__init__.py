"""How good a codec is: its rate-distortion curve on photographs, beside those of other codecs."""
