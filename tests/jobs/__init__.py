"""Small jobs for the tests of the workers: each module has ``run_seed``, as those of a stage."""
