"""The quality wing: speech, words, inspection, findings and alerts."""
