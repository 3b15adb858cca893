"""Files of Kaldi's forms."""
