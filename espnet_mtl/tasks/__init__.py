"""The face towards ESPnet."""
