from benchmarks.cost import Cost, plain_environment


def test_costs_of_commands_one_after_the_other_add_up():
    assert Cost(1.5, 2.0) + Cost(0.25, 4.0) == Cost(1.75, 6.0)


def test_measured_commands_get_the_users_variables_without_those_of_this_session():
    variables = {
        "PATH": "/bin",
        "PIP_INDEX_URL": "https://index.example/simple",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIRTUAL_ENV": "/somewhere",
        "NOX_CURRENT_SESSION": "bench",
        "NOXSESSION": "bench",
        "SAVEDMODEL_MATRIX_EXIT": "/folder",
        "SAVEDMODEL_MATRIX_RUN": "a run",
    }
    assert plain_environment(variables) == {
        "PATH": "/bin",
        "PIP_INDEX_URL": "https://index.example/simple",
    }
