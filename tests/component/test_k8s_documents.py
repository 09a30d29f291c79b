"""Where the cluster keeps documents: beside the pods, and shared by them."""

import pytest

from tests.component.test_k8s import OVERLAYS, name_of, of_kind, pod_of


@pytest.mark.parametrize("folder", OVERLAYS)
def test_documents_outlive_the_pods_and_are_shared_by_them(folder: str) -> None:
    claims = {name_of(one): one for one in of_kind(folder, "PersistentVolumeClaim")}
    pods = [pod_of(one) for one in of_kind(folder, "Deployment") if "bids" in name_of(one)]

    (named,) = [
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods
        for volume in pod["spec"]["volumes"]
        if volume["name"] == "documents"
    ]

    assert claims[named]["spec"]["accessModes"] == ["ReadWriteMany"]
