import { useEffect, useRef } from "preact/hooks";

interface CanvasProps {
  readonly height: number;
  readonly label: string;
  /** Draws all of it; the width is that of the page. */
  readonly draw: (context: CanvasRenderingContext2D, width: number, height: number) => void;
  /** What is under the pointer, in words. */
  readonly describe?: (x: number, y: number, width: number) => string;
}

/** A picture as sharp as the screen, drawn anew when what it shows, its width or the colour scheme changes. */
export function Canvas({ height, label, draw, describe }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef(draw);
  drawing.current = draw;
  const paint = () => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || context === null || context === undefined) return;
    const width = element.clientWidth;
    const scale = devicePixelRatio;
    if (element.width !== Math.round(width * scale)) element.width = Math.round(width * scale);
    if (element.height !== Math.round(height * scale)) element.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    drawing.current(context, width, height);
  };
  useEffect(() => {
    const frame = requestAnimationFrame(paint);
    return () => cancelAnimationFrame(frame);
  });
  useEffect(() => {
    const sized = new ResizeObserver(paint);
    sized.observe(canvas.current!);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", paint);
    return () => {
      sized.disconnect();
      scheme.removeEventListener("change", paint);
    };
  }, []);
  const point = (event: PointerEvent) => {
    const element = canvas.current;
    if (element === null || describe === undefined) return;
    element.title = describe(event.offsetX, event.offsetY, element.clientWidth);
  };
  return (
    <canvas
      ref={canvas}
      style={{ height: `${height}px` }}
      role="img"
      aria-label={label}
      onPointerMove={point}
    />
  );
}
