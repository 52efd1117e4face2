"""Miners, the hard negatives they find, and who of them is likely a positive."""

from menura.mining.bm25 import Bm25Miner
from menura.mining.candidates import Candidates
from menura.mining.choosing import choose_candidates
from menura.mining.dense import DenseMiner
from menura.mining.embeddings import EmbeddingCache, open_cache
from menura.mining.exchange import from_records, read_training_list, to_records, training_list_digest
from menura.mining.false_negatives import drop_false_negatives, upper_limit
from menura.mining.judging import TeacherJudge
from menura.mining.miner import Judge, Miner
from menura.mining.negatives import mine
from menura.mining.pool import mining_pool
from menura.mining.random_passages import RandomMiner
from menura.mining.refreshing import refresh_candidates, sample_pool
from menura.mining.students import ColbertMiner, SpladeMiner, student_miners

__all__ = [
    "Bm25Miner",
    "Candidates",
    "ColbertMiner",
    "DenseMiner",
    "EmbeddingCache",
    "Judge",
    "Miner",
    "RandomMiner",
    "SpladeMiner",
    "TeacherJudge",
    "choose_candidates",
    "drop_false_negatives",
    "from_records",
    "mine",
    "mining_pool",
    "open_cache",
    "read_training_list",
    "refresh_candidates",
    "sample_pool",
    "student_miners",
    "to_records",
    "training_list_digest",
    "upper_limit",
]
