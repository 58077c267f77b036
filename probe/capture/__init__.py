"""From the bytes of a capture to the connections in it: files' records, link layers, IP, TCP and UDP. Pure.

Nothing here opens a file or waits: `drive.capture_file` reads bytes, this folder says what they are. A damaged record,
packet or segment is never an exception for who reads a capture: what can be read is given, and what could not be is
told beside it (`notices`).
"""
