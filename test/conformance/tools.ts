import { setTimeout as delay } from 'node:timers/promises'
import { fromJsonSchema } from '@modelcontextprotocol/server'
import type { McpServer, ServerEventBus } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { redPixelPng, silentWav, textResult } from './content.ts'
import { watchedResource } from './resources.ts'

/** Long enough to keep the messages before and after it in separate chunks. */
const pause = 50

/**
 * Registers the tools that need no input from the client. `test_simple_text` comes first, because the header scenarios
 * call the first tool of the list without arguments.
 */
export function registerTools(server: McpServer, changes: ServerEventBus): void {
  registerContentTools(server)
  registerStreamingTools(server)
  registerSchemaTools(server)
  registerChangeTools(server, changes)
}

function registerContentTools(server: McpServer): void {
  server.registerTool('test_simple_text', { description: 'Returns one text' }, () =>
    textResult('This is a simple text response for testing.'),
  )

  server.registerTool('test_image_content', { description: 'Returns an image' }, () => ({
    content: [{ type: 'image', data: redPixelPng, mimeType: 'image/png' }],
  }))

  server.registerTool('test_audio_content', { description: 'Returns a sound' }, () => ({
    content: [{ type: 'audio', data: silentWav, mimeType: 'audio/wav' }],
  }))

  server.registerTool('test_embedded_resource', { description: 'Returns a resource' }, () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  }))

  server.registerTool(
    'test_multiple_content_types',
    { description: 'Returns a text, an image and a resource' },
    () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        { type: 'image', data: redPixelPng, mimeType: 'image/png' },
        {
          type: 'resource',
          resource: {
            uri: 'test://mixed-content-resource',
            mimeType: 'application/json',
            text: JSON.stringify({ test: 'data', value: 123 }),
          },
        },
      ],
    }),
  )

  server.registerTool('test_error_handling', { description: 'Always fails' }, () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
}

function registerStreamingTools(server: McpServer): void {
  server.registerTool('test_tool_with_logging', { description: 'Logs while it runs' }, async ctx => {
    await ctx.mcpReq.log('info', 'Tool execution started')
    await delay(pause)
    await ctx.mcpReq.log('info', 'Tool processing data')
    await delay(pause)
    await ctx.mcpReq.log('info', 'Tool execution completed')
    return textResult('Tool with logging executed.')
  })

  server.registerTool('test_logging_tool', { description: 'Logs once' }, async ctx => {
    await ctx.mcpReq.log('info', 'Logged by test_logging_tool')
    return textResult('Logged.')
  })

  server.registerTool('test_tool_with_progress', { description: 'Reports progress' }, async ctx => {
    const { _meta: meta } = ctx.mcpReq
    const progressToken = meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progress > 0) await delay(pause)
      if (progressToken === undefined) continue
      const params = { progressToken, progress, total: 100 }
      await ctx.mcpReq.notify({ method: 'notifications/progress', params })
    }
    return textResult('Tool with progress executed.')
  })

  server.registerTool(
    'test_reconnection',
    { description: 'Closes its own stream, then answers; a legacy client resumes with Last-Event-ID' },
    async ctx => {
      ctx.http?.closeSSE?.()
      await delay(2 * pause)
      return textResult('Reconnection test completed.')
    },
  )
}

function registerSchemaTools(server: McpServer): void {
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Tool with JSON Schema 2020-12 features',
      inputSchema: fromJsonSchema({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: {
          address: {
            $anchor: 'addressDef',
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } },
          },
        },
        properties: {
          name: { type: 'string' },
          address: { $ref: '#/$defs/address' },
          contactMethod: { type: 'string', enum: ['phone', 'email'] },
          phone: { type: 'string' },
          email: { type: 'string' },
        },
        allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
        if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
        // oxlint-disable-next-line unicorn/no-thenable -- a JSON Schema keyword
        then: { required: ['phone'] },
        else: { required: ['email'] },
        additionalProperties: false,
      }),
    },
    input => textResult(JSON.stringify(input)),
  )

  server.registerTool(
    'test_header_parameter',
    {
      description: 'A tool whose argument is mirrored in the header Mcp-Param-Region',
      inputSchema: z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) }),
    },
    ({ region }) => textResult(`Region: ${region}`),
  )
}

function registerChangeTools(server: McpServer, changes: ServerEventBus): void {
  server.registerTool('test_trigger_tool_change', { description: 'Announces a change of the tools' }, () => {
    changes.publish({ kind: 'tools_list_changed' })
    return textResult('Announced.')
  })

  server.registerTool(
    'test_trigger_prompt_change',
    { description: 'Announces a change of the prompts' },
    () => {
      changes.publish({ kind: 'prompts_list_changed' })
      return textResult('Announced.')
    },
  )

  server.registerTool(
    'test_trigger_resource_change',
    { description: `Announces a change of ${watchedResource}` },
    () => {
      changes.publish({ kind: 'resource_updated', uri: watchedResource })
      return textResult('Announced.')
    },
  )
}
