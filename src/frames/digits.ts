/** Digits of every script as ASCII ones; everything else stays. */
export function asciiDigits(text: string): string {
  return text.replace(/[\p{Nd}--[0-9]]/gv, digit => String(numberOf(digit)))
}

/** Every script has its ten digits in one row, zero first. */
function numberOf(digit: string): number {
  const point = digit.codePointAt(0) ?? 0
  let value = 0
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(point - value - 1))) value++
  return value
}
