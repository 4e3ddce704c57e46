import { task } from "../../src/client/index.ts";

/** The part of WebGPU that the task uses. */
interface Gpu {
  requestAdapter(): Promise<{ requestDevice(): Promise<Device> } | null>;
}

interface Device {
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, at: number, data: Uint32Array): void;
    submit(commands: readonly object[]): void;
  };
  createBuffer(what: { size: number; usage: number }): GpuBuffer;
  createShaderModule(what: { code: string }): object;
  createComputePipeline(what: object): { getBindGroupLayout(index: number): object };
  createBindGroup(what: object): object;
  createCommandEncoder(): Encoder;
}

interface GpuBuffer {
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
}

interface Encoder {
  beginComputePass(): {
    setPipeline(pipeline: object): void;
    setBindGroup(index: number, group: object): void;
    dispatchWorkgroups(count: number): void;
    end(): void;
  };
  copyBufferToBuffer(from: object, at: number, to: object, toAt: number, bytes: number): void;
  finish(): object;
}

/** Squares numbers on whatever WebGPU gives. */
export const square = task(
  async (numbers: number[]) => {
    const { gpu } = (globalThis as unknown as { navigator: { gpu: Gpu } }).navigator;
    const device = await (await gpu.requestAdapter())!.requestDevice();
    const size = numbers.length * 4;
    // STORAGE | COPY_SRC | COPY_DST, and MAP_READ | COPY_DST.
    const values = device.createBuffer({ size, usage: 128 | 4 | 8 });
    const out = device.createBuffer({ size, usage: 1 | 8 });
    device.queue.writeBuffer(values, 0, Uint32Array.from(numbers));
    const module = device.createShaderModule({
      code: `@group(0) @binding(0) var<storage, read_write> values: array<u32>;
        @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
          values[id.x] = values[id.x] * values[id.x];
        }`,
    });
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module, entryPoint: "main" },
    });
    const entries = [{ binding: 0, resource: { buffer: values } }];
    const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(numbers.length);
    pass.end();
    encoder.copyBufferToBuffer(values, 0, out, 0, size);
    device.queue.submit([encoder.finish()]);
    await out.mapAsync(1);
    return [...new Uint32Array(out.getMappedRange())];
  },
  { needs: { webgpu: true } },
);
