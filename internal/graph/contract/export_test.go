package contract

// Kinds are the types of the contract's keys as docs/contract.md names them.
func Kinds() map[string]string {
	kinds := map[string]string{keyFallback: "text", keySamples: "text"}
	for _, f := range new(Contract).fields() {
		kinds[f.key] = f.kind
	}
	return kinds
}
