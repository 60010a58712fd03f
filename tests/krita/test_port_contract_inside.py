"""What every port promises, kept by libkis; the fake of the docker's tests passes the same cases."""

import port_contract
import pytest

pytestmark = pytest.mark.krita


def keep_promise(case):
    import port_contract

    getattr(port_contract, case)(Stage())
    return True


@pytest.mark.parametrize("case", [case.__name__ for case in port_contract.CASES])
def test_promise_is_kept_in_krita(krita, case):
    assert krita.call(keep_promise, case=case)
