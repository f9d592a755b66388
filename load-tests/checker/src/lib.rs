//! Reads what buyers asked and were told, and what store, ledger and bus hold in the end, and judges every law.
