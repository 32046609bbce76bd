"""Business facts in PostgreSQL: the only room that speaks SQL. Of telephony it sees facts and nothing else."""
