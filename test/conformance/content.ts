import type { CallToolResult } from '@modelcontextprotocol/server'

/** One red pixel, as the base64 of a PNG file. */
export const redPixelPng: string =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=='

/** The base64 of a WAV file: 8 kHz, mono, 16 bit, without samples. */
export const silentWav: string = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA='

/** A tool result that is one block of text. */
export function textResult(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] }
}
