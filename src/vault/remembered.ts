type Derive = (tenant: string, of: string) => string

/** What is derived from a key, for the last `most` that were asked for without deriving it again. */
export function remembered(most: number, derive: Derive): Derive {
  const known = new Map<string, string>()
  return (tenant, of) => {
    const name = `${tenant}\0${of}`
    const found = known.get(name)
    if (found !== undefined) return found
    const derived = derive(tenant, of)
    if (known.size >= most) known.clear()
    known.set(name, derived)
    return derived
  }
}
