import { inputRequired, inputResponse } from '@modelcontextprotocol/server'
import type {
  CallToolResult,
  ElicitRequestFormParams,
  InputRequest,
  InputRequiredResult,
  McpServer,
  ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { textResult } from './content.ts'

/**
 * Registers the legacy suite's tools that request a completion from the client or input from the user. They return an
 * input-required result, which the SDK turns into requests in a legacy session.
 */
export function registerInputTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Asks the client for a completion', inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, ctx) => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, 'completion')
      if (answer.kind === 'sampling') {
        return textResult(`LLM response: ${JSON.stringify(answer.result.content)}`)
      }
      return inputRequired({ inputRequests: { completion: askModel(prompt) } })
    },
  )

  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user for an account', inputSchema: z.object({ message: z.string() }) },
    ({ message }, ctx) =>
      elicited(ctx, 'User response', {
        message,
        requestedSchema: {
          type: 'object',
          properties: {
            username: { type: 'string', description: "User's response" },
            email: { type: 'string', description: "User's email address" },
          },
          required: ['username', 'email'],
        },
      }),
  )

  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Asks the user for values, each with a default' },
    ctx =>
      elicited(ctx, 'Elicitation completed', {
        message: 'Please review these values',
        requestedSchema: {
          type: 'object',
          properties: {
            name: { type: 'string', default: 'John Doe' },
            age: { type: 'integer', default: 30 },
            score: { type: 'number', default: 95.5 },
            status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
            verified: { type: 'boolean', default: true },
          },
        },
      }),
  )

  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'Asks the user to choose, in every way a choice can be described' },
    ctx =>
      elicited(ctx, 'Elicitation completed', {
        message: 'Please choose',
        requestedSchema: {
          type: 'object',
          properties: {
            untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
            titledSingle: { type: 'string', oneOf: titled('value1', 'value2', 'value3') },
            legacyEnum: {
              type: 'string',
              enum: ['opt1', 'opt2', 'opt3'],
              enumNames: ['Option One', 'Option Two', 'Option Three'],
            },
            untitledMulti: {
              type: 'array',
              items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
            },
            titledMulti: { type: 'array', items: { anyOf: titled('value1', 'value2', 'value3') } },
          },
        },
      }),
  )

  server.registerTool(
    'test_streaming_elicitation',
    { description: 'Asks the user, never by a request of its own on a modern response' },
    ctx =>
      elicited(ctx, 'Elicitation completed', {
        message: 'Shall we go on?',
        requestedSchema: { type: 'object', properties: { proceed: { type: 'boolean' } } },
      }),
  )

  server.registerTool(
    'test_missing_capability',
    { description: 'Needs a client that can sample; refused with -32021 when it cannot' },
    ctx => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, 'completion')
      if (answer.kind === 'sampling') return textResult('The client can sample.')
      return inputRequired({ inputRequests: { completion: askModel('Say anything.') } })
    },
  )
}

/** Returns a request for a completion, for an input-required result. */
export function askModel(prompt: string, maxTokens = 100): InputRequest {
  return inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    maxTokens,
  })
}

function elicited(
  ctx: ServerContext,
  prefix: string,
  params: ElicitRequestFormParams,
): CallToolResult | InputRequiredResult {
  const answer = inputResponse(ctx.mcpReq.inputResponses, 'response')
  if (answer.kind !== 'elicit') {
    return inputRequired({ inputRequests: { response: inputRequired.elicit(params) } })
  }
  return textResult(`${prefix}: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`)
}

function titled(...values: string[]): { const: string; title: string }[] {
  return values.map((value, index) => ({ const: value, title: `Choice ${index + 1}` }))
}
