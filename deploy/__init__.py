"""Run Commonlot: embedded on one machine (`local`), or in a cluster (`k8s`)."""
