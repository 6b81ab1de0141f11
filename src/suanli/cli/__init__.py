"""The command line: reads options, calls ``api``, draws what ``reporting`` wrote. It computes nothing."""
