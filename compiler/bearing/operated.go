package bearing

// created is what an operator makes of an object that has no template for pods.
const created = "its operator creates pods, which are not read: declare them with `service`, or add the manifests of their workloads as they are in the cluster"

// Creates reports whether an operator creates pods for objects of a kind, GROUP/KIND, that are not read.
func Creates(kind string) bool {
	f := facts()[key{Workloads, kind}]
	return f != nil && f.Named == created
}

// operated are kinds of objects for which operators create pods. Of those that are judged it is known which labels,
// account, ports and Services the pods have.
var operated = []Fact{
	{On: Workloads, Name: "postgresql.cnpg.io/Cluster", Judged: "compiler/inventory", Source: "https://cloudnative-pg.io/documentation/current/labels_annotations/"},
	{On: Workloads, Name: "monitoring.coreos.com/Prometheus", Judged: "compiler/inventory", Source: "https://prometheus-operator.dev/docs/platform/prometheus/"},
	{On: Workloads, Name: "monitoring.coreos.com/Alertmanager", Judged: "compiler/inventory", Source: "https://prometheus-operator.dev/docs/platform/alertmanager/"},
	{On: Workloads, Name: "acid.zalan.do/postgresql", Named: created, Source: "https://postgres-operator.readthedocs.io/en/latest/user/"},
	{On: Workloads, Name: "argoproj.io/Workflow", Named: created, Source: "https://argo-workflows.readthedocs.io/en/latest/workflow-concepts/"},
	{On: Workloads, Name: "argoproj.io/CronWorkflow", Named: created, Source: "https://argo-workflows.readthedocs.io/en/latest/cron-workflows/"},
	{On: Workloads, Name: "cassandra.datastax.com/CassandraDatacenter", Named: created, Source: "https://docs.k8ssandra.io/components/cass-operator/"},
	{On: Workloads, Name: "databases.spotahome.com/RedisFailover", Named: created, Source: "https://github.com/spotahome/redis-operator"},
	{On: Workloads, Name: "elasticsearch.k8s.elastic.co/Elasticsearch", Named: created, Source: "https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s"},
	{On: Workloads, Name: "kibana.k8s.elastic.co/Kibana", Named: created, Source: "https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s"},
	{On: Workloads, Name: "grafana.integreatly.org/Grafana", Named: created, Source: "https://grafana.github.io/grafana-operator/docs/"},
	{On: Workloads, Name: "jaegertracing.io/Jaeger", Named: created, Source: "https://www.jaegertracing.io/docs/1.62/operator/"},
	{On: Workloads, Name: "k8s.keycloak.org/Keycloak", Named: created, Source: "https://www.keycloak.org/operator/basic-deployment"},
	{On: Workloads, Name: "kafka.strimzi.io/Kafka", Named: created, Source: "https://strimzi.io/docs/operators/latest/overview"},
	{On: Workloads, Name: "kafka.strimzi.io/KafkaConnect", Named: created, Source: "https://strimzi.io/docs/operators/latest/overview"},
	{On: Workloads, Name: "kubevirt.io/VirtualMachine", Named: created, Source: "https://kubevirt.io/user-guide/network/istio_service_mesh/"},
	{On: Workloads, Name: "kubevirt.io/VirtualMachineInstance", Named: created, Source: "https://kubevirt.io/user-guide/network/istio_service_mesh/"},
	{On: Workloads, Name: "minio.min.io/Tenant", Named: created, Source: "https://github.com/minio/operator"},
	{On: Workloads, Name: "mongodbcommunity.mongodb.com/MongoDBCommunity", Named: created, Source: "https://github.com/mongodb/mongodb-kubernetes-operator"},
	{On: Workloads, Name: "monitoring.coreos.com/PrometheusAgent", Named: created, Source: "https://prometheus-operator.dev/docs/platform/prometheus-agent/"},
	{On: Workloads, Name: "monitoring.coreos.com/ThanosRuler", Named: created, Source: "https://prometheus-operator.dev/docs/platform/thanos/"},
	{On: Workloads, Name: "mysql.oracle.com/InnoDBCluster", Named: created, Source: "https://dev.mysql.com/doc/mysql-operator/en/"},
	{On: Workloads, Name: "opensearch.opster.io/OpenSearchCluster", Named: created, Source: "https://docs.opensearch.org/latest/install-and-configure/install-opensearch/operator/"},
	{On: Workloads, Name: "opentelemetry.io/OpenTelemetryCollector", Named: created, Source: "https://opentelemetry.io/docs/platforms/kubernetes/operator/"},
	{On: Workloads, Name: "postgres-operator.crunchydata.com/PostgresCluster", Named: created, Source: "https://access.crunchydata.com/documentation/postgres-operator/latest/"},
	{On: Workloads, Name: "postgresql.cnpg.io/Pooler", Named: created, Source: "https://cloudnative-pg.io/documentation/current/connection_pooling/"},
	{On: Workloads, Name: "psmdb.percona.com/PerconaServerMongoDB", Named: created, Source: "https://docs.percona.com/percona-operator-for-mongodb/"},
	{On: Workloads, Name: "pxc.percona.com/PerconaXtraDBCluster", Named: created, Source: "https://docs.percona.com/percona-operator-for-mysql/pxc/"},
	{On: Workloads, Name: "rabbitmq.com/RabbitmqCluster", Named: created, Source: "https://www.rabbitmq.com/kubernetes/operator/using-operator"},
	{On: Workloads, Name: "ray.io/RayCluster", Named: created, Source: "https://docs.ray.io/en/latest/cluster/kubernetes/"},
	{On: Workloads, Name: "redis.redis.opstreelabs.in/Redis", Named: created, Source: "https://redis-operator.opstree.dev/"},
	{On: Workloads, Name: "serving.kserve.io/InferenceService", Named: created, Source: "https://kserve.github.io/website/docs/concepts/resources"},
	{On: Workloads, Name: "sparkoperator.k8s.io/SparkApplication", Named: created, Source: "https://www.kubeflow.org/docs/components/spark-operator/"},
	{On: Workloads, Name: "tekton.dev/PipelineRun", Named: created, Source: "https://tekton.dev/docs/pipelines/pipelineruns/"},
	{On: Workloads, Name: "tekton.dev/TaskRun", Named: created, Source: "https://tekton.dev/docs/pipelines/taskruns/"},
}
