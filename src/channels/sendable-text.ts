const notXml = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu

/** A text as it can be sent: well-formed, without the characters that XML 1.0 (section 2.2) forbids. Doing it twice changes nothing. */
export function sendableText(text: string): string {
  return text.toWellFormed().replace(notXml, '')
}
