"""Miners and the hard negatives they find."""

from menura.mining.bm25 import Bm25Miner
from menura.mining.candidates import Candidates
from menura.mining.dense import DenseMiner
from menura.mining.exchange import from_records, read_training_list, to_records, training_list_digest
from menura.mining.negatives import choose_candidates, mine
from menura.mining.random_passages import RandomMiner

__all__ = [
    "Bm25Miner",
    "Candidates",
    "DenseMiner",
    "RandomMiner",
    "choose_candidates",
    "from_records",
    "mine",
    "read_training_list",
    "to_records",
    "training_list_digest",
]
