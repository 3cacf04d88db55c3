package directory

import "regexp"

// podName is the names that controllers give to pods: those of Deployments, DaemonSets and Jobs, and StatefulSets.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
var podName = []*regexp.Regexp{
	regexp.MustCompile(`^(.+)-[bcdfghjklmnpqrstvwxz2456789]{5,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$`),
	regexp.MustCompile(`^(.+)-[bcdfghjklmnpqrstvwxz2456789]{5}$`),
	regexp.MustCompile(`^(.+)-[0-9]+$`),
}

// WorkloadsOf returns the names of the workloads that a pod may belong to, as its own name has it, the most likely
// first.
func WorkloadsOf(pod string) (names []string) {
	for _, of := range podName {
		if base := of.FindStringSubmatch(pod); base != nil {
			names = append(names, base[1])
		}
	}
	return names
}
