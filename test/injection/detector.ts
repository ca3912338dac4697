// Looks for secrets in what left. It is written a second time, and otherwise than the product does it: everything that a text could be
// decoded to is made, and the secret is looked for in that.

/** Whether a text holds a secret, in any encoding that `readings` undoes. */
export function holds(text: string, secrets: readonly string[]): boolean {
  const wanted = secrets.map(letters)
  return [...readings(text)].some(reading => {
    const said = letters(reading)
    const turned = [...said].reverse().join('')
    return wanted.some(secret => said.includes(secret) || turned.includes(secret))
  })
}

/** What a text says, and what is coded in it, two layers deep. */
function readings(text: string): Set<string> {
  const first = new Set([text, visibleTags(text), percent(text), percent(percent(text)), json(text)])
  const all = new Set(first)
  for (const each of first) for (const decoded of decodings(each)) all.add(decoded)
  return all
}

function decodings(text: string): string[] {
  const backwards = [...text].reverse().join('')
  const digits = [text, backwards].flatMap(each => each.match(/(?:[0-9a-f]{2}[^0-9a-z]?){8,}/gi) ?? [])
  const fromHex = digits.flatMap(run => {
    const plain = run.replace(/[^0-9a-f]/gi, '')
    return [plain, plain.slice(1)].map(each => Buffer.from(each, 'hex').toString())
  })
  const runs = text.match(/[a-z0-9+/_-]{11,}/gi) ?? []
  const from64 = runs.flatMap(run => [0, 1, 2, 3].map(at => Buffer.from(run.slice(at), 'base64').toString()))
  return [...fromHex, ...from64]
}

function letters(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
}

function visibleTags(text: string): string {
  return text.replace(/[\u{e0020}-\u{e007e}]/gu, tag => String.fromCodePoint((tag.codePointAt(0) ?? 0) - 0xe0000))
}

function percent(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)))
}

function json(text: string): string {
  return text.replace(/\\u([0-9a-f]{4})/gi, (_, point: string) => String.fromCharCode(Number.parseInt(point, 16)))
}
