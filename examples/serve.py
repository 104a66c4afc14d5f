"""A small web service: GET /texture?seed=7&size=256&steps=20 answers with a PNG.

pip install 'coopnets[cpu,apps]' fastapi uvicorn
BUNDLE=exported/brick uvicorn --factory --app-dir examples serve:create_app
curl -o wall.png 'http://127.0.0.1:8000/texture?seed=7&size=256'
"""

import io
import os
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse
from PIL import Image

import coop_runtime


def create_app(bundle: Path | str | None = None) -> FastAPI:
    """Serve the bundle in this folder, or in that which the environment's BUNDLE names."""
    model = coop_runtime.load(bundle or os.environ["BUNDLE"])
    app = FastAPI(title=f"coopnets: {model.card.name}")

    # A plain function, not a coroutine: FastAPI runs it in a thread; a model may be shared by many.
    @app.get("/texture", response_class=Response)
    def texture(
        seed: Annotated[int, Query(ge=0)] = 0,
        size: Annotated[int, Query(ge=16, le=1024)] = 256,
        steps: Annotated[int, Query(ge=0, le=100)] = 20,
    ) -> Response:
        """Draw a square texture, revise it, and send it as PNG."""
        *_, last = model.refine(model.generate(1, seed, size), steps, seed)
        pixels = coop_runtime.to_uint8(last.x, model.card.signal)[0]
        stream = io.BytesIO()
        Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(stream, "PNG")
        energy = f"{last.energy[0]:.6g}"
        return Response(stream.getvalue(), media_type="image/png", headers={"X-Energy": energy})

    @app.exception_handler(coop_runtime.CoopError)
    def wrong(_: object, error: Exception) -> JSONResponse:
        """Answer a wrong request with the runtime's one line."""
        return JSONResponse({"detail": str(error)}, status_code=400)

    return app
