"""Forensic cues for images that went through JPEG AI, after Bergmann, Brand and Riess (2025)."""
