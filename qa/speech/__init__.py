"""From a stereo telephone recording to sentences with role, time, text and confidence."""
