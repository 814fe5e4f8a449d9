//! What may be written: the language described in itself, and the check against it.
