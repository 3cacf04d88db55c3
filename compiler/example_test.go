package compiler_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/source"
)

var ctx = context.Background()

// intents is a project without files on disk.
func intents(text string) compiler.Inputs {
	return compiler.Inputs{
		Files:  []compiler.Input{{Name: "shop.mesh", Text: []byte(text)}},
		Config: config.Default(),
		Today:  time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	}
}

const shop = `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
service db account db-sa port 5432 tcp
frontend -> backend:8080 GET /api/*
backend -> db:5432
never frontend -> db
`

// A project on disk is checked without emitting anything.
func ExampleOpen() {
	project, err := compiler.Open(ctx, compiler.Options{}, "../examples/shop")
	if err != nil {
		log.Fatal(err)
	}
	policy, findings := project.Check()
	for _, mesh := range policy.Meshes {
		for _, s := range mesh.Services {
			fmt.Println(s.ID(), s.Account, len(s.Allow))
		}
	}
	fmt.Println(len(findings), "findings")
	// Output:
	// istio-ingress/ingress ingress 0
	// shop/backend backend-sa 1
	// shop/db db-sa 1
	// shop/frontend frontend-sa 1
	// 0 findings
}

// Findings are values with a code, a place and help.
func ExampleCheck() {
	_, findings, err := compiler.Check(ctx, intents("mesh shop strict\nservice backend account backend-sa\nfrontent -> backend\n"))
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range findings {
		fmt.Println(f.Code, f.Primary.Text())
	}
	// Output:
	// MESH1001 frontent
}

// A build has the manifests, and the result of every never, always and only.
func ExampleParsed_Build() {
	parsed, err := compiler.Parse(ctx, intents(shop))
	if err != nil {
		log.Fatal(err)
	}
	build, err := parsed.Build(ctx, parsed.Config)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range build.Manifests {
		fmt.Println(m.Wave, m.Kind, m.Namespace+"/"+m.Name)
	}
	for _, j := range build.Judgements {
		fmt.Println(j.Guard.Kind, "holds:", j.Broken == nil)
	}
	// Output:
	// 2 PeerAuthentication shop/default
	// 20 AuthorizationPolicy shop/backend-ingress
	// 20 AuthorizationPolicy shop/db-ingress
	// 30 AuthorizationPolicy shop/default-deny
	// never holds: true
}

// Hand-written manifests answer the same questions as those of a build.
func ExampleReadDeployed() {
	deployed := compiler.ReadDeployed([]*source.File{source.NewFile("db.yaml", `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/backend]}}]}]
`)}, nil, config.Default(), false)
	for _, caller := range []string{"shop/backend", "shop/frontend"} {
		answers, err := deployed.Explain(caller, "shop/db")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(&answers[0].Query, answers[0].Verdict)
	}
	// Output:
	// shop/backend -> shop/db allowed
	// shop/frontend -> shop/db denied
}

// Why may frontend not call db? The answer has the chain of calls by which it gets there all the same, and the guards
// that forbid the edge which would allow it. For backend and POST, the edge is offered.
func ExampleBuild_Explain() {
	parsed, err := compiler.Parse(ctx, intents(shop))
	if err != nil {
		log.Fatal(err)
	}
	build, err := parsed.Build(ctx, parsed.Config)
	if err != nil {
		log.Fatal(err)
	}
	for _, query := range [][]string{{"frontend", "db:5432"}, {"frontend", "backend:8080", "POST", "/orders"}} {
		answers, err := build.Explain(query...)
		if err != nil {
			log.Fatal(err)
		}
		a := answers[0]
		fmt.Println(a.Verdict)
		if a.Chain != nil {
			fmt.Println(a.Chain)
		}
		for _, way := range a.Remedy.Ways {
			fmt.Println("write", compiler.Written(&way.Write[0]))
		}
		for _, guard := range a.Remedy.Breaks {
			fmt.Println("breaks", guard.Text())
		}
	}
	// Output:
	// denied
	// shop/frontend -> shop/backend -> shop/db
	// breaks never frontend -> db
	// denied
	// write frontend -> backend:8080 POST /orders
}

// A report has the protection of every edge, and the problems.
func ExampleBuild_Verify() {
	parsed, err := compiler.Parse(ctx, intents(shop))
	if err != nil {
		log.Fatal(err)
	}
	build, err := parsed.Build(ctx, parsed.Config)
	if err != nil {
		log.Fatal(err)
	}
	report, err := build.Verify(nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	for e := range report.Edges() {
		fmt.Println(e.From, "->", e.To, e.Ports, e.Result)
	}
	// Output:
	// shop/backend -> shop/db [5432] mTLS
	// shop/frontend -> shop/backend [8080] mTLS
}

// An edge is added: its requests are opened, and nothing is closed.
func ExampleDiff() {
	var sides [2]compiler.Side
	for i, text := range []string{shop, shop + "frontend -> backend:8080 POST /orders\n"} {
		in := intents(text)
		parsed, err := compiler.Parse(ctx, in)
		if err != nil {
			log.Fatal(err)
		}
		build, err := parsed.Build(ctx, in.Config)
		if err != nil {
			log.Fatal(err)
		}
		sides[i] = build.Side("")
	}
	d, err := compiler.Diff(ctx, sides[0], sides[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range d.Opened {
		fmt.Println(&c)
	}
	fmt.Println(len(d.Closed), "closed")
	// Output:
	// shop/frontend -> shop/backend:8080 POST /orders
	// 0 closed
}
